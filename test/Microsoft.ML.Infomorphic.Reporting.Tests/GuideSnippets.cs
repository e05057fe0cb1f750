using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Reporting;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

/// <summary>The code that docs/GUIDE.md shows, compiled and run by <see cref="GuideTests"/>.</summary>
internal static class GuideSnippets
{
    public static PartialInformationDecomposition Decompose()
    {
        #region xor
        int[] both = [0, 1];
        var distribution = JointDistribution.FromSamples(
            from f in both
            from c in both
            select (new[] { f, c }, f ^ c, 1.0)
        );
        var atoms = new PartialInformationDecomposition(distribution, "FC");
        Console.WriteLine($"{atoms["{FC}"]:F3} bits only together, {atoms["{F}{C}"]:F3} bits redundantly");
        #endregion
        return atoms;
    }

    public static GoalFunction Goal()
    {
        #region goal
        GoalFunction goal = GoalFunction.Parse("0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}");
        Console.WriteLine(goal[Antichain.Parse("{F}{C}", "FCL")]); // 1
        #endregion
        return goal;
    }

    public static void Explain(MLContext mlContext, InfomorphicPredictionTransformer transformer, IDataView test)
    {
        #region explain
        NetworkInsight insight = mlContext.MulticlassClassification.ExplainInfomorphic(transformer, test);
        LayerInsight hidden = insight.HiddenLayers[0];
        foreach ((string atom, double bits) in hidden.AtomNames.Zip(hidden.Mean.Atoms))
            Console.WriteLine($"{atom}: {bits:F3} bits");
        IDataView neurons = transformer.Model.ToDataView(insight);
        #endregion
        Console.WriteLine(neurons.GetRowCount());
    }

    public static void Report(InfomorphicModelParameters model, IDataView test)
    {
        #region report
        InfomorphicReport.Write(model, test, "report.html");
        #endregion
    }
}
