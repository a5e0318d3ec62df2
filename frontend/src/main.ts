// What every page loads.
import "./htmx-settings";
import "htmx.org";
import { startBelow } from "./dom";
import { startCards } from "./frame/cards";
import { startNavigation } from "./frame/navigation";
import { startTheme } from "./frame/theme";

startCards();
startNavigation();
startTheme();
startBelow(document);
