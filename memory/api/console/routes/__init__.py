"""The console's routes, one noun a file."""

from memory.api.console.routes import activity, ask, audit, jobs, keys, memories, people, session, tenants

ROUTERS = (
    *(session.entrance, session.router, ask.router, memories.router, people.router, jobs.router),
    *(activity.router, keys.router, audit.router, tenants.router),
)
