"""The checks. Each file reads its facts from AWS in one function and says in another, pure one what they mean."""
