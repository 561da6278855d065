"""/console: the server's pages for people. They call the verbs of the memory, and decide nothing."""
