"""The openai client, unchanged, on a server with a memory: told in one call, answered in the next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from openai import OpenAI


def main() -> None:
    command = [Path(sys.executable).with_name("memory"), "serve", "--anonymous", "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["listening"]
        with OpenAI(base_url=f"{url}/v1", api_key="none") as client:
            for said in ("My dog is called Biscuit and we live in Lisbon.", "What is my dog called?"):
                reply = client.chat.completions.create(
                    model="reference", user="ana", messages=[{"role": "user", "content": said}]
                )
                print(f"you> {said}\nmemory> {reply.choices[0].message.content}")
        server.terminate()


if __name__ == "__main__":
    main()
