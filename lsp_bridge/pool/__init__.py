"""The servers of a workspace, shared by everyone who asks in it."""
