"""What the function takes, in time, CPU and memory: measured against a double of AWS, and against others."""
