"""Rules of profiles, for what data cannot say."""
