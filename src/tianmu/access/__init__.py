"""Who may do what to which, decided in one place, and a record of who did.

Accounts, roles (as data), scopes, sessions, tokens, masking of personal data, the audit trail and
the local certificate authority. Tables live in the hub's own SQLite file; nothing here knows HTTP.
"""
