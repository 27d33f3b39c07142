(function (doc) {
  // Whom to send the daily recap: key [timezone, time], value the username, as briefings_due has it.
  if (doc.type !== 'user_preferences' || !doc.preferences || doc.preferences.dailyRecap !== true) return;
  emit([doc.preferences.timezone || 'UTC', doc.preferences.recapTime || '18:00'], doc.username);
});
