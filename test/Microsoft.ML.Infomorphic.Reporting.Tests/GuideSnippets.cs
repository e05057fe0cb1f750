using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Training;

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

    public static void Rank(MLContext mlContext, InfomorphicPredictionTransformer transformer, IDataView test)
    {
        #region ranking
        FeatureRanking ranking = mlContext.MulticlassClassification.RankInfomorphicFeatures(transformer, test);
        foreach (FeatureInformation feature in ranking.Features.Take(10))
            Console.WriteLine($"{feature.Name}: {feature.Information.Bits:F3} ± {feature.Information.Margin:F3} bits");
        IDataView features = transformer.Model.ToDataView(ranking);
        #endregion
        Console.WriteLine(features.GetRowCount());
    }

    public static double Why(InfomorphicPredictionTransformer transformer, IDataView test, float[] row)
    {
        #region why
        RowExplanation why = transformer.Model.ExplainRow(row);
        int predicted = why.Scores.ToList().IndexOf(why.Scores.Max());
        double logOdds = why.Base[predicted] + why.Contributions[predicted].Sum();
        Console.WriteLine($"score {1 / (1 + Math.Exp(-logOdds)):F3}");
        InfomorphicContributionTransformer explainer = transformer.Contributions(ContributionClasses.Predicted);
        IDataView explained = explainer.Transform(test);
        #endregion
        Console.WriteLine(explained.Schema.Count);
        return 1 / (1 + Math.Exp(-logOdds)) - why.Scores[predicted];
    }

    public static InfomorphicTrainer Deep(MLContext mlContext)
    {
        #region layers
        var options = new InfomorphicTrainer.Options
        {
            HiddenLayers =
            [
                new HiddenLayerOptions { NumberOfNeurons = 300 },
                new HiddenLayerOptions { NumberOfNeurons = 300 },
                new HiddenLayerOptions { NumberOfNeurons = 300, Inputs = [Signal.Features, Signal.Layer(1)] },
            ],
            OutputLayerInputs = [Signal.Layer(0), Signal.Layer(1), Signal.Layer(2)],
            LayerOrder = LayerOrder.BottomUp,
        };
        InfomorphicTrainer trainer = mlContext.MulticlassClassification.Trainers.Infomorphic(options);
        #endregion
        return trainer;
    }

    public static InfomorphicTrainer Images(MLContext mlContext)
    {
        #region fields
        var options = new InfomorphicTrainer.Options
        {
            Image = new ImageShape(28, 28),
            HiddenLayers =
            [
                new HiddenLayerOptions
                {
                    NumberOfNeurons = 64, // of each field
                    Connections = new LocalFieldSettings(10, 10, VerticalStride: 3, HorizontalStride: 3),
                },
                new HiddenLayerOptions { NumberOfNeurons = 1000 },
            ],
            LayerOrder = LayerOrder.BottomUp,
        };
        #endregion
        #region augmentation
        options.Augmentation = new ImageAugmentation(VerticalShift: 1, HorizontalShift: 1, Rotation: 10, Zoom: 0.1);
        options.LearningRateSchedule = LearningRateSchedule.Cosine; // rates fall along half a cosine, to nearly 0
        #endregion
        return mlContext.MulticlassClassification.Trainers.Infomorphic(options);
    }

    public static ITransformer Binary(MLContext mlContext, IDataView train, IDataView test)
    {
        #region binary
        var transformer = mlContext
            .BinaryClassification.Trainers.Infomorphic(
                new InfomorphicTrainer.Options { ClassWeights = new Dictionary<string, double> { ["True"] = 5 } }
            )
            .Fit(train);
        var metrics = mlContext.BinaryClassification.Evaluate(transformer.Transform(test));
        Console.WriteLine($"area under the ROC curve {metrics.AreaUnderRocCurve:F3}");
        var cautious = mlContext.BinaryClassification.ChangeModelThreshold(transformer, 2.2f); // log-odds of 0.9
        #endregion
        return cautious;
    }

    public static InfomorphicModelParameters Stream(
        InfomorphicTrainer trainer,
        IDataView firstBatch,
        IDataView nextBatch
    )
    {
        #region stream
        InfomorphicPredictionTransformer model = trainer.Fit(firstBatch);
        model = trainer.Fit(nextBatch, model.Model);
        #endregion
        return model.Model;
    }

    public static void Report(InfomorphicModelParameters model, IDataView test)
    {
        #region report
        InfomorphicReport.Write(model, test, "report.html");
        #endregion
    }
}
