"""What provinces publish: periods, figures with their definitions, comparison. No I/O."""
