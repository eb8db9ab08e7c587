"""One function per thing a user can do, shared by every screen."""
