"""What it costs, in time and memory: `make bench`. The tables are in docs/benchmarks.md."""
