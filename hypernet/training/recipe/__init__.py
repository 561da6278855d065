"""The recipe for a memory: stages that train a hypernetwork with a row a token, for any base."""
