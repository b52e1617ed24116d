"""`scripts/deploy`: looks at a payer account, deploys to it, and removes what it deployed."""
