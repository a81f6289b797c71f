"""Speed of swiftopt's step against the machine's limit and against its peers.

Run with ``python -m benchmarks`` from the root of the repository; README.md says
how to read what it prints.
"""
