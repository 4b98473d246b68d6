"""What runs: processes and containers, and what they say."""
