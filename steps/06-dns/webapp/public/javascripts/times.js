// Times come in UTC; whoever reads them gets them in their own time zone and language.
for (const time of document.querySelectorAll("time")) {
  time.title = time.textContent;
  time.textContent = new Date(time.dateTime).toLocaleString();
}
