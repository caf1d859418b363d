// The pages' one entry: each module looks for its own data- attributes, and finds nothing on pages without them.
import "./connection.js";
import "./sending.js";
import "./claim.js";
import "./keys.js";
import "./drafts.js";
import "./timers.js";
import "./stage.js";
import "./outcome.js";
import "./charts.js";
import "./upload.js";
import "./softphone.js";
import "./small.js";
