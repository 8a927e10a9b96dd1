"""What ``trovectl doctor`` looks at: this machine, and the installation on it. Nothing is changed by looking."""
