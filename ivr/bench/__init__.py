"""Benchmarks and measured trials behind `ivr bench`."""
