"""The machine beneath an engine: services, jobs, files and space, as ``base.Host``; the real one and the fake one."""
