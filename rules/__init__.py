"""Does it matter? Lists, schedules, rules and alarms; nothing that sends."""
