"""What the suites share: cases, peers and references."""
