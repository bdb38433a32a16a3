"""What follows from a forecast: how much compute buys a score, and what can be relied on."""
