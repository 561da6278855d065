"""What reads language: rules for English. Each module fills the port `Reader`, or helps to."""
