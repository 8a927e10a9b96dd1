"""Instances on registered hosts, reached over SSH."""
