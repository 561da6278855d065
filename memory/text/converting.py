"""The process that reads one document: `python -m memory.text.converting .pdf < FILE > TEXT`."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings

_MOST_MEMORY = 2 * 1024**3  # bytes of addresses; the libraries alone take about one
OUT_OF_MEMORY = 137


def main(kind: str) -> int:
    """Read a document from standard input, and write its text; 1 for what is none."""
    data = sys.stdin.buffer.read()
    logging.disable(logging.CRITICAL)  # parsers tell much of files that are a little wrong
    warnings.simplefilter("ignore")
    _bound()
    try:
        text = _text(kind, data)
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:  # whatever a parser trips over: the file is not what it should be
        return OUT_OF_MEMORY if isinstance(error.__cause__ or error.__context__, MemoryError) else 1
    sys.stdout.buffer.write(text.encode(errors="replace"))
    return 0


def _text(kind: str, data: bytes) -> str:
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter, HtmlConverter, PdfConverter

    readers = {".pdf": PdfConverter, ".docx": DocxConverter, ".html": HtmlConverter, ".htm": HtmlConverter}
    found = readers[kind]().convert(io.BytesIO(data), StreamInfo(extension=kind, charset="utf-8"))
    return str(found.markdown)


def _bound() -> None:
    """Take no more memory than that, where the system has such a limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
