"""Controllers of a heating network: what moves plants, stores and set-points."""
