"""Networks, weather, results and plants to and from other programs."""
