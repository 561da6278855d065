"""The console's routes, one noun a file."""

from memory.api.console.routes import ask, memories, session

ROUTERS = (session.entrance, session.router, ask.router, memories.router)
