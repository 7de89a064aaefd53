"""What other rules would have meant: past or simulated calls through old and new rules."""
