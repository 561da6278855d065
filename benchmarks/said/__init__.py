"""What people say: everyday cases, told and asked, by kind. `python -m benchmarks.said`."""
