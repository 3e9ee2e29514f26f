"""Laws of water, friction and heat, for NumPy and CasADi alike."""
