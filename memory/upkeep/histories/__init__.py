"""Other people's histories: what ChatGPT, Claude, mem0, Zep or a program with OpenAI messages kept.

source.py      a file or zip of theirs -> JSON values, within bounds
history.py     what all of them have in common: conversations of dated messages, and dated facts
chatgpt.py  claude.py  mem0.py  zep.py  openai_messages.py      one form each: `looks` and `read`
formats.py     the forms by name, and which of them a file has
telling.py     conversations and facts -> turns and memories, oldest first
"""
