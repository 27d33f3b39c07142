(function (doc) {
  // Documents with a field that looks like a secret: key the field's name, value its path, deeper than any
  // document that can be read. What is in a user document is replicated to browsers and kept there, so this view should
  // be empty, for every document of the database.
  var SECRET =
    /passw|passphrase|token|secret|credential|cookie|apikey|privatekey|derivedkey|jwt|^salt$|^hash$|^pin$|^otp$/;

  function isSecret(key) {
    var letters = key.toLowerCase().replace(/[^a-z]/g, '');
    return SECRET.test(letters);
  }

  function look(value, path, depth) {
    if (typeof value !== 'object' || value === null || depth > 128) return;
    for (var key in value) {
      var own = path === '' ? key : path + '.' + key;
      if (isSecret(key)) emit(key, own);
      look(value[key], own, depth + 1);
    }
  }

  look(doc, '', 0);
});
