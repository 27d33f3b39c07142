(function (doc) {
  // Whom to send the daily briefing: key [timezone, time], value the username. A bot works out what time it is in each
  // zone and asks for that key. The defaults are those of preferences.ts: a preference that is not set is not stored.
  if (doc.type !== 'user_preferences' || !doc.preferences || doc.preferences.dailyBriefing !== true) return;
  emit([doc.preferences.timezone || 'UTC', doc.preferences.briefingTime || '07:00'], doc.username);
});
