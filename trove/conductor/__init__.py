"""Takes what agents report and writes it down, nothing else."""
