"""What was concluded: findings with an identity and a history, the register, and review."""
