using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <content>What neurons aim for, and how they came to it.</content>
internal sealed partial class HtmlReport
{
    private void WriteIntroduction()
    {
        Add(
            """
            <section id="read"><h2>How to read this</h2>
            <p>Nobody tells an infomorphic neuron how wrong the whole network is. Each one looks at a few sources of its own
            and changes its weights so that its output <b>Y</b>, to fire or not to fire, carries the kind of information
            that its <b>goal</b> asks for. These are the sources of a neuron:</p>
            """
        );
        foreach (LayerInsight layer in Learners)
        {
            AddHeading(layer);
            WriteSources(layer);
        }
        Add(
            """
            <p>What the sources together say about the output, the mutual information I(Y&nbsp;:&nbsp;sources), splits into
            <b>atoms</b>: what one source alone says, what several say redundantly, what they say only together. An atom is
            written in braces: in {F}{C}, F and C each say the same thing; {FC} is known only to someone who sees both. An
            output of one neuron has at most 1 bit. An atom can be negative: a source that misleads.</p>
            """
        );
        if (_model.Networks.Count > 1)
            Add(
                Invariant(
                    $"<p class=\"note\"><b>One of several.</b> The model has {_model.Networks.Count:N0} networks, and its scores are the mean of their probabilities. This report is on network {_insight.Settings.Network + 1}, its neurons and its training alone.</p>"
                )
            );
        Add(
            $"<p class=\"note\"><b>What was measured.</b> {Text(_insight.Method)} "
                + "Responses to classes and rows are those of scoring: the label is withheld and neurons pass on their mean output. θ is the probability to fire.</p></section>"
        );
    }

    private void WriteSources(LayerInsight layer)
    {
        Add("<dl>");
        foreach (Source source in layer.Layer.Sources)
            Add($"<dt>{source.Symbol}</dt><dd>{Text(AtomMeaning.Of(source, PlaceOf(layer), HiddenLayers))}</dd>");
        Add("</dl>");
    }

    private void WriteGoals()
    {
        Add($"<section id=\"goal\"><h2>{(HasSeveral ? "The goals" : "The goal")}</h2>");
        if (Learners.Any(layer => layer.Layer.Goal is not null))
            Add(
                """
                <p>A neuron maximises this weighted sum of its atoms and of its residual entropy. A positive weight γ asks
                for such information, a negative one avoids it.</p>
                """
            );
        foreach (LayerInsight layer in Learners)
        {
            AddHeading(layer);
            if (layer.Layer.Goal is GoalFunction goal)
                WriteGoal(layer, goal);
            else
                Add($"<p>The {Neurons(layer)} have no goal: they are not trained.</p>");
        }
        Add("</section>");
    }

    private void WriteGoal(LayerInsight layer, GoalFunction goal)
    {
        Add(
            $"""
            <p class="formula">{Text(goal.Describe())}</p>
            <div class="scroll"><table class="meanings three"><thead><tr><th>atom</th><th class="n">γ</th><th class="n">mean, bits</th><th class="n">γ × mean</th><th>meaning</th></tr></thead><tbody>
            """
        );
        for (int atom = 0; atom < layer.AtomNames.Count; atom++)
            Row(
                layer.AtomNames[atom],
                goal.Gamma[atom],
                layer.Mean.Atoms[atom],
                AtomMeaning.Of(layer.Lattice.Antichains[atom], layer.Sources)
            );
        Row("H_res", goal.ResidualWeight, layer.Mean.ResidualEntropy, AtomMeaning.OfResidual);
        Add(
            $"</tbody><tfoot><tr><th>goal</th><td></td><td></td><td class=\"n\">{Number(layer.Mean.Goal!.Value)}</td><td>mean over the neurons, in bits</td></tr></tfoot></table></div>"
        );

        void Row(string name, double gamma, double mean, string meaning) =>
            Add(
                $"<tr><th>{name}</th><td class=\"n\">{Number(gamma, 2)}</td><td class=\"n\">{Number(mean)}</td><td class=\"n\">{Number(gamma * mean)}</td><td>{Text(meaning)}</td></tr>"
            );
    }

    private void WriteTraining()
    {
        TrainingHistory history = History;
        Add("<section id=\"training\"><h2>The training</h2>");
        foreach (string warning in history.Warnings)
            Add($"<p class=\"note warning\"><b>Warning.</b> {Text(warning)}</p>");
        if (history.Epochs.Count == 0)
        {
            Add("<p>The model came without the history of its training.</p></section>");
            return;
        }
        EpochRecord best = history.Epochs.LastOrDefault(epoch => epoch.Epoch <= history.BestEpoch) ?? history.Epochs[0];
        string validation = best.ValidationAccuracy is double accuracy
            ? $", {Percent(accuracy)} of the validation rows"
            : "";
        Add(
            Invariant(
                $"<p>{history.Epochs.Count:N0} epochs took {history.Seconds:N1} s. The network has the weights of epoch {best.Epoch}, where it classified {Percent(best.TrainingAccuracy)} of the training rows rightly{validation}.</p>"
            )
        );
        Figure(LearningCurvePlot.Draw(history, "Accuracy"), "Accuracy by epoch, with the label withheld.");
        foreach (LayerInsight layer in Learners)
            WriteHistory(layer, history);
        Add("</section>");
    }

    private void WriteHistory(LayerInsight layer, TrainingHistory history)
    {
        int place = PlaceOf(layer);
        LayerProgress[] progress = [.. LayerHistory.Of(history, place).Select(epoch => epoch.Layer)];
        if (progress.Any(epoch => epoch.Atoms.Count > 0))
        {
            AddHeading(layer);
            Figure(
                AtomHistoryPlot.Draw(
                    history,
                    [.. layer.AtomNames, "H_res"],
                    $"Information of {(HiddenLayers == 0 ? "an" : "a")} {Neuron(layer)}",
                    place
                ),
                $"The mean of every atom over the {Neurons(layer)}, by epoch; measured on batches of the training."
            );
        }
        if (progress.Any(epoch => double.IsFinite(epoch.Goal)))
            Figure(
                GoalAccuracyPlot.Draw(
                    history,
                    HasSeveral ? $"Goal of {LayerName(layer)}, and accuracy" : "Goal and accuracy",
                    place
                ),
                "One dot an epoch. Where dots climb to the right, what the neurons aim for serves the task."
            );
        if (progress.Any(epoch => double.IsFinite(epoch.SelfCosineDistance)))
            Figure(
                SelfCosineDistancePlot.Draw(
                    history,
                    $"How far the receptive fields{(HasSeveral ? $" of {LayerName(layer)}" : "")} turned",
                    place
                ),
                $"1 minus the cosine of the angle between a {Neuron(layer)}'s feedforward weights before and after each epoch, the median over the neurons (self-cosine distance): 0 where they keep their direction, 1 where nothing of it is left."
            );
    }
}
