"""Networks as data: records, files, checks, losses and the graph."""
