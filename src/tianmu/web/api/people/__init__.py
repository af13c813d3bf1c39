"""Routes of accounts, roles and tokens, of signing in, of the trail."""
