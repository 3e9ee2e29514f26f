"""Plants, what drives them and what comes out."""
