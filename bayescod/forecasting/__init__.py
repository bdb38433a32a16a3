"""From scores to a predictive distribution."""
