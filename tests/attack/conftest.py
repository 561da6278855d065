"""What attacks need: the servers of the tests of the API."""

from tests.api.conftest import api, founded, make_api, shared_api

__all__ = ["api", "founded", "make_api", "shared_api"]
