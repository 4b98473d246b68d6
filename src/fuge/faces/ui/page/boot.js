// Loads the program of the page. If a part of it does not come, the page is loaded again: browsers break off what they
// are loading when the computer's network becomes another one, though that has nothing to do with this page.

const AGAIN = 500; // milliseconds

const program = document.createElement("script");
program.type = "module";
program.src = "/page/app.js";
program.onerror = () => setTimeout(() => location.reload(), AGAIN);
document.head.append(program);
