"""Language servers as processes: found, launched, spoken to, restarted."""
