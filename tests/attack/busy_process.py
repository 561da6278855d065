"""Tells and chats as another process: `python -m tests.attack.busy_process HOME URL`.

A line for each word that is stored; ends when its input does.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import count
from threading import Event, Thread

from memory import Memory
from memory.errors import ParametricMemoryError
from tests.command import echoes

if __name__ == "__main__":
    home, url = sys.argv[1:]
    ended = Event()
    Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with Memory(home=home, database_url=url, **echoes()) as memory:
        for n in count():
            if ended.is_set():
                break
            with suppress(ParametricMemoryError):  # as where its words were erased meanwhile
                told = f"My {('dog', 'boat', 'car')[n % 3]} is called P{n}x."
                if n % 2:
                    memory.add(told, user_id="ana", session_id="s")
                else:
                    memory.chat(told, user_id="ana", session_id="s")
                print(f"P{n}x", flush=True)
