"""The admins' front page, the audit log, the doctor and the outbox; each capability brings its own admin pages."""
