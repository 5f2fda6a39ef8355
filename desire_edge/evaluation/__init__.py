"""Measuring: metrics, tasks under a protocol."""
