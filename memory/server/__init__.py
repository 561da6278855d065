"""What a server needs beyond an embedded Memory, in SQL: keys, quotas, audit, repeated requests, jobs."""
