using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Reporting;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>A sweep's report as HTML.</summary>
internal sealed class SweepHtml
{
    // Dots of many trials are smaller as points than as lines and text.
    private const int ManyTrials = 250;

    private readonly StringBuilder _html = new();
    private readonly IReadOnlyList<StoredTrial> _trials;
    private readonly StoredTrial[] _completed;
    private readonly StoredTrial? _best;
    private readonly string _metric;
    private readonly OptimizationDirection _direction;
    private readonly SweepReportOptions _options;
    private readonly IReadOnlyList<ParameterImportance> _importances;

    public SweepHtml(
        IReadOnlyList<StoredTrial> trials,
        string metric,
        OptimizationDirection direction,
        SweepReportOptions options
    )
    {
        _trials = trials;
        _completed = [.. trials.Where(t => t.State == StoredTrialState.Completed)];
        _best = _completed.Length > 0 ? CompletedTrials.Best(trials, direction) : null;
        _metric = metric;
        _direction = direction;
        _options = options;
        IReadOnlyList<ParameterImportance> importances =
            _completed.Length >= ParameterImportance.MinimumTrials
                ? ParameterImportance.Compute(
                    _completed[0].Point.Space,
                    _completed.Select(t => new Trial(t.Number, t.Point, TrialState.Completed, t.Value, t.Enqueued))
                )
                : [];
        // All are 0 where the trials' values do not differ: nothing matters, and there is nothing to draw.
        _importances = importances.Any(importance => importance.Value > 0) ? importances : [];
        Write();
    }

    public override string ToString() => _html.ToString();

    private bool Maximized => _direction == OptimizationDirection.Maximize;

    private void Write()
    {
        Add(
            $"""
            {HtmlPage.Begin(_options.Title, HtmlPage.Resource(typeof(SweepHtml), "sweep.css"), _options.RefreshSeconds)}
            <header>
            <h1>{Text(_options.Title)}</h1>
            <p class="lead">{_trials.Count:N0} trials; {Text(_metric)} is {(Maximized ? "maximised" : "minimised")}.</p>
            </header>
            <nav aria-label="Sections"><a href="#best">Best trial</a>{(
                _best is null
                    ? ""
                    : "<a href=\"#history\">History</a>"
                        + (_importances.Count > 0 ? "<a href=\"#importance\">Importance</a>" : "")
                        + "<a href=\"#slices\">Parameters</a>"
            )}<a href="#trials">Trials</a></nav>
            <main>
            """
        );
        WriteBest();
        if (_best is not null)
        {
            WriteHistory();
            WriteImportance();
            WriteAblations();
            WriteSlices();
        }
        WriteTrials();
        Add(
            $"""
            </main>
            <footer><p>All trials, with the values of their epochs, are in this file, too, as JSON:
            <code>document.getElementById("data").textContent</code>. The goals:
            Schneider, Neuhaus, Ehrlich, Makkeh, Ecker, Priesemann and Wibral, arXiv 2412.02482.</p></footer>
            <script type="application/json" id="data">{Data()}</script>
            {HtmlPage.End()}
            """
        );
    }

    private void WriteBest()
    {
        Add("<section id=\"best\"><h2>The best trial</h2>");
        if (_best is null)
            Add("<p>No trial is completed.</p>");
        else
        {
            Add(
                Invariant(
                    $"<p>Trial {_best.Number} has the {(Maximized ? "largest" : "smallest")} {Text(_metric)}, <b>{_best.Value:0.#####}</b>.{(_best.Enqueued ? " It was one of the starting points." : "")}</p>"
                )
            );
            if (_options.BestGoal is not null)
                WriteGoal("Its goal", _options.BestGoal);
            foreach ((int i, GoalFunction? goal) in _options.BestLayerGoals.Index())
                if (goal is not null)
                    WriteGoal($"The goal of {LayerNames.Layer(i, _options.BestLayerGoals.Count)}", goal);
        }
        Add("<dl class=\"states\">");
        foreach (
            (StoredTrialState state, string name) in new[]
            {
                (StoredTrialState.Completed, "completed"),
                (StoredTrialState.Pruned, "ended early"),
                (StoredTrialState.Failed, "failed"),
                (StoredTrialState.Running, "running"),
                (StoredTrialState.Queued, "waiting"),
            }
        )
            Add(Invariant($"<div><dt>{name}</dt><dd>{_trials.Count(t => t.State == state):N0}</dd></div>"));
        Add("</dl>");
        if (_best is not null)
        {
            Add(
                "<h3>Its parameters</h3><div class=\"scroll\"><table class=\"sortable\"><thead><tr><th scope=\"col\">parameter</th><th>value</th><th>searched</th><th>importance, %</th></tr></thead><tbody>"
            );
            foreach ((int i, Parameter parameter) in _best.Point.Space.Parameters.Index())
                Add(
                    $"<tr><th scope=\"row\">{Text(parameter.Name)}</th><td class=\"n\">{Text(Value(parameter, _best.Point.Values[i]))}</td><td class=\"n\">{Text(Range(parameter))}</td><td class=\"n\">{(
                        _importances.FirstOrDefault(m => m.Name == parameter.Name) is { } importance
                            ? Invariant($"{100 * importance.Value:0.0}")
                            : "–"
                    )}</td></tr>"
                );
            Add("</tbody></table></div>");
        }
        Add("</section>");
    }

    private void WriteGoal(string whose, GoalFunction goal) =>
        Add(
            $"""
            <p>{whose}, in the paper's notation: the weights γ of the information atoms, rounded, and below to the last digit.</p>
            <p class="formula">{Text(goal.Describe())}</p>
            <p class="formula">{Text(goal.ToString())}</p>
            """
        );

    private void WriteHistory()
    {
        Add("<section id=\"history\"><h2>The history</h2>");
        Figure(
            TrialHistoryPlot.Draw(_trials, _metric, _direction, "Trials in the order of asking"),
            "One mark a trial. The line is the best of all that were asked for before.",
            many: true
        );
        if (_trials.Any(t => t.EpochValues.Count > 0))
            Figure(
                TrialCurvesPlot.Draw(_trials, _metric, _direction, "Learning curves"),
                "What was measured on validation data after each epoch, with calibrated scores, fold after fold where there are several.",
                many: true
            );
        Add("</section>");
    }

    private void WriteImportance()
    {
        if (_importances.Count == 0)
            return;
        Add("<section id=\"importance\"><h2>Which parameters matter</h2>");
        Figure(
            ImportancePlot.Draw(_importances, "Importance of the parameters"),
            "Mean decrease in impurity: a random forest is fitted to the trials' values, and this is each parameter's share of what its splits take from the variance. It says how much a parameter matters within the searched range, not whether more of it is better."
        );
        if (_importances.Count > 1)
            Figure(
                ContourPlot.Draw(_trials, _importances[0].Name, _importances[1].Name, _metric, _direction),
                Invariant(
                    $"The two parameters that matter most. The colour is the mean of trials near a place, weighted by a Gaussian that is {100 * ContourPlot.Smoothing:0} % of a range wide; white: no trial is near. A dot is a trial, the diamond the best one."
                ),
                many: true
            );
        Add("</section>");
    }

    private void WriteAblations()
    {
        if (_options.Ablations.Count == 0)
            return;
        Add("<section id=\"ablation\"><h2>The best goal without one weight</h2>");
        Figure(
            ImportancePlot.Draw(_options.Ablations, _metric, "Ablation"),
            "Each bar is a training of its own, with one weight of the best goal set to zero."
        );
        Add("</section>");
    }

    private void WriteSlices()
    {
        Add(
            "<section id=\"slices\"><h2>The parameters, one by one</h2><p>One dot a completed trial, later ones darker; the diamond is the best.</p><div class=\"slices\">"
        );
        IEnumerable<string> names =
            _importances.Count > 0
                ? _importances.Select(i => i.Name)
                : _best!.Point.Space.Parameters.Select(p => p.Name);
        foreach (string name in names)
            Add($"<figure>{Picture(SlicePlot.Draw(_trials, name, _metric, _direction), many: true, name)}</figure>");
        Add("</div></section>");
    }

    private void WriteTrials()
    {
        StoredTrial[] shown =
        [
            .. _trials
                .OrderBy(t => t.State != StoredTrialState.Completed)
                .ThenBy(t => Maximized ? -t.Value : t.Value)
                .ThenBy(t => t.Number)
                .Take(_options.MaximumTrials),
        ];
        Add(
            $"<section id=\"trials\"><h2>The trials</h2><p>Choose a column's title to sort by it.{(
                shown.Length < _trials.Count ? Invariant($" The best {shown.Length:N0} of {_trials.Count:N0} are shown.") : ""
            )}</p>"
        );
        if (shown.Length > 0)
        {
            SearchSpace space = shown[0].Point.Space;
            Add(
                $"<div class=\"scroll tall\"><table class=\"sortable\"><thead><tr><th scope=\"col\">trial</th><th>state</th><th>{Text(_metric)}</th><th>epochs</th><th>seconds</th><th>attempts</th>"
            );
            foreach (Parameter parameter in space.Parameters)
                Add($"<th>{Text(parameter.Name)}</th>");
            Add("<th>error</th></tr></thead><tbody>");
            foreach (StoredTrial trial in shown)
            {
                Add(
                    Invariant(
                        $"<tr><th scope=\"row\">{trial.Number}</th><td>{trial.State.ToString().ToLowerInvariant()}{(trial.Enqueued ? ", starting point" : "")}</td><td class=\"n\">{trial.Value:0.#####}</td><td class=\"n\">{trial.EpochValues.Count}</td><td class=\"n\">{(trial.Finished - trial.Started)?.TotalSeconds:0.0}</td><td class=\"n\">{trial.Attempts}</td>"
                    )
                );
                foreach ((int i, Parameter parameter) in space.Parameters.Index())
                    Add($"<td class=\"n\">{Text(Value(parameter, trial.Point.Values[i]))}</td>");
                Add($"<td class=\"error\">{Text(trial.Error ?? "")}</td></tr>");
            }
            Add("</tbody></table></div>");
        }
        Add("</section>");
    }

    private void Figure(Picture picture, string caption, bool many = false) =>
        Add(
            $"<figure><div class=\"scroll\">{Picture(picture, many, caption)}</div><figcaption>{Text(caption)}</figcaption></figure>"
        );

    private string Picture(Picture picture, bool many, string about) =>
        many && _trials.Count > ManyTrials
            ? $"<img src=\"data:image/png;base64,{Convert.ToBase64String(picture.ToPng(1.5f))}\" width=\"{picture.Width}\" height=\"{picture.Height}\" alt=\"{Text(about)}\">"
            : HtmlPage.Inline(picture);

    private string Data()
    {
        using var stream = new MemoryStream();
        TrialExport.WriteJson(_trials, stream); // its encoder escapes what could end the element
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string Value(Parameter parameter, double value) =>
        parameter is RealParameter
            ? (
                value != 0 && Math.Abs(value) < 0.001
                    ? value.ToString("0.###E+0", CultureInfo.InvariantCulture)
                    : Numbers.Format(value, 4)
            )
            : parameter.Format(value);

    private static string Minus(double value) => value.ToString("R", CultureInfo.InvariantCulture).Replace('-', '−');

    private static string Range(Parameter parameter) =>
        parameter switch
        {
            RealParameter real => $"{Minus(real.Low)} to {Minus(real.High)}{(real.Logarithmic ? ", logarithmic" : "")}",
            IntegerParameter whole =>
                $"{Minus(whole.Low)} to {Minus(whole.High)}{(whole.Logarithmic ? ", logarithmic" : "")}",
            _ => string.Join(", ", ((ChoiceParameter)parameter).Choices),
        };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private void Add(string html) => _html.Append(html).Append('\n');
}
